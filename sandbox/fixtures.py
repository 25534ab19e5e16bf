"""pytest fixtures that give the simulated services to tests and to plugin authors."""
