"""Other makers' plugins (VST3, AU), which only ever run in processes of their own."""
