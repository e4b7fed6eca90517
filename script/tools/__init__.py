"""The project's own programs; the commands in `script/` start them."""
