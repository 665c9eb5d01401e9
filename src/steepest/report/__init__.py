"""What a study found, made visible: one page, tables, figures. It reads `Content`, no store."""
