"""An image of which guests boot."""
