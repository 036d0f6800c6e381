"""Modules that know nothing of EIE: errors, files, configurations, numbers."""
