"""The papers: every table, figure and statement of theirs again, beside ours."""
