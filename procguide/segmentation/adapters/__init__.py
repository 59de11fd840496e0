"""Other people's models: each answers as the shipped networks do."""
