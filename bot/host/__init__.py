"""The host: finds plugins, loads them, and calls their code so that it can harm nobody but itself."""
