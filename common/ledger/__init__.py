"""Claims -> runs -> verdicts -> tables: what each paper says, and whether it holds here."""
