from typing import Any
def build(layouts,instructions): return {"doc_class":"document","fields":[],"tables":[]}
