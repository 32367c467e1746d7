from typing import Any
def read_schema(s): return s
def extract(layout,schema): return {"doc_class":None,"fields":{},"line_items":{}}
