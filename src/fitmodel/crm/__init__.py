"""Compute attributes as of each deal's closing from a CRM's history and events.

long tables -> changes (deal, field, value, time) and events (deal, kind, time, who, amount)
deals -> the cut-off of each deal: only what was recorded before it is used
both -> one row per deal with what was known before the cut-off -> a usual table of deals

Past deals have their closing as the cut-off, open prospects the present time; the code is the same.
"""
