"""``python -m procguide.cli``, for places without the script."""

from procguide.cli.app import main

if __name__ == "__main__":
    main()
