"""What signs: private keys in files. (An HSM by PKCS#11 comes beside them later.)

Floor 5. A private key is read where it is used and is never logged or shown.
"""
