"""The papers: their tables, figures and statements, computed again."""
