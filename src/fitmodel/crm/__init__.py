"""From a CRM's history and events to attributes as of each deal's own closing.

long tables -> changes (deal, field, value, time) and events (deal, kind, time, who, amount)
deals -> the moment at which each one's knowledge ends
both -> one row per deal: what was known before that moment -> the table of deals, as any other

The same code serves past deals, which end before their closing, and open prospects, which end now.
"""
