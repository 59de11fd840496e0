"""What the window shows and what a person has chosen: data and signals, no Qt, no napari."""
