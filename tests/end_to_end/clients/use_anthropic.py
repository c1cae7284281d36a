"""Asks twice with the official SDK as its documentation shows: once whole, once as a stream. Prints JSON."""

import json
import sys

import anthropic

endpoint, key = sys.argv[1:3]
client = anthropic.Anthropic(base_url=endpoint, api_key=key, max_retries=0)
asked = {"model": "demo", "max_tokens": 32, "messages": [{"role": "user", "content": "What are the three gates?"}]}
whole = client.messages.create(**asked)
chunks = []
with client.messages.stream(**asked) as stream:
    chunks.extend(stream.text_stream)
    final = stream.get_final_message()
told = {
    "whole": whole.content[0].text,
    "streamed": "".join(chunks),
    "chunks": len(chunks),
    "output_tokens": final.usage.output_tokens,
}
print(json.dumps(told))
