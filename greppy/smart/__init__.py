"""Smart search: what a model makes of a question. Only the question leaves the machine, and only to a provider that
was configured."""
