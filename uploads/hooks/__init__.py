"""The one door for calls to webhooks: a signed POST, one answer or one named failure. It knows no Django.

Like Qure's client it repeats nothing, follows no redirect and takes nothing from the environment.
"""
