"""Pages: server-rendered, in Chinese and English, without script, nothing loaded from elsewhere.

Floor 6. Every page says as of which size it is, offers its JSON and shows the command that checks
it. It talks: it neither remembers nor decides (DESIGN §8).
"""
