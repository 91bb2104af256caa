"""The console: pages with which staff run the platform."""
