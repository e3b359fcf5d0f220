"""LORD: low rank decomposition of monolingual code LLMs (Kaushal, Vaidhya and Rish 2023)."""
