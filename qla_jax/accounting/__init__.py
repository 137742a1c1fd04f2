"""Resources of circuits: elementary gates, and their sum over the nodes of an encoding."""
