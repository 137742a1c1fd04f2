"""What circuits take: gates, and their sum over the nodes of an encoding."""
