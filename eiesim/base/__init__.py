"""What knows nothing of EIE: errors, files, configurations, numbers."""
