"""Asks twice with the official SDK as its documentation shows: once whole, once as a stream. Prints JSON."""

import json
import sys

import openai

endpoint, key = sys.argv[1:3]
client = openai.OpenAI(base_url=f"{endpoint}/v1", api_key=key, max_retries=0)
asked = {"model": "demo", "messages": [{"role": "user", "content": "What are the three gates?"}]}
whole = client.chat.completions.create(**asked)
parts = client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True})
chunks, tokens = [], 0
for part in parts:
    if part.usage:
        tokens = part.usage.completion_tokens
    if part.choices and part.choices[0].delta.content:
        chunks.append(part.choices[0].delta.content)
told = {
    "whole": whole.choices[0].message.content,
    "streamed": "".join(chunks),
    "chunks": len(chunks),
    "output_tokens": tokens,
}
print(json.dumps(told))
