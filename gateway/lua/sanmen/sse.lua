-- Reads Server-Sent Events on their way: whole events only go on, so that a broken stream never ends inside one.
-- Bytes are never changed. What an event means depends on the protocol: messages, chat or responses.
local cjson = require("cjson.safe")

local _M = {}
local mt = { __index = _M }

-- An event may be large (an image); beyond this it is passed on in pieces and not looked into.
local EVENT_LIMIT_BYTES = 1048576

-- protocol: messages, chat or responses
function _M.new(protocol)
  return setmetatable({ protocol = protocol, tail = "", blind = false, usage = {} }, mt)
end

local function data_of(event)
  local first = event:match("^data:[ ]?([^\r\n]*)") or event:match("[\r\n]data:[ ]?([^\r\n]*)")
  return first
end

local function is_true(value)
  return value ~= nil and value ~= cjson.null and value ~= "" and value ~= false
end

local function note_usage(self, given)
  if type(given) ~= "table" then
    return
  end
  local usage = self.usage
  local input = given.input_tokens or given.prompt_tokens
  local output = given.output_tokens or given.completion_tokens
  if type(input) == "number" and input > 0 then
    usage.input = input
  end
  if type(output) == "number" then
    usage.output = output
  end
  usage.seen = true
end

local MESSAGES_STARTUP = { message_start = true, ping = true, content_block_start = true }

local function classify_messages(self, event)
  local kind = event:match("^event:[ ]?([%w_]+)") or event:match("\nevent:[ ]?([%w_]+)")
  kind = kind or (data_of(event) or ""):match('"type"%s*:%s*"([%w_]+)"')
  if kind == "message_start" or kind == "message_delta" then
    local document = cjson.decode(data_of(event) or "")
    if type(document) == "table" then
      local message = document.message
      note_usage(self, document.usage)
      if type(message) == "table" then
        note_usage(self, message.usage)
        self.model = type(message.model) == "string" and message.model or self.model
      end
    end
  end
  if kind == "message_stop" then
    return "end"
  elseif kind == "error" then
    return "error"
  end
  return MESSAGES_STARTUP[kind] and "startup" or "content"
end

local function has_content(choice)
  local delta = type(choice.delta) == "table" and choice.delta or {}
  return is_true(choice.finish_reason)
    or is_true(delta.content)
    or is_true(delta.tool_calls)
    or is_true(delta.function_call)
    or is_true(delta.refusal)
    or is_true(delta.reasoning_content)
    or is_true(delta.reasoning)
    or is_true(delta.audio)
end

local function classify_chat(self, event)
  local data = data_of(event)
  if not data then
    return event:find("^event:[ ]?error") and "error" or "startup"
  end
  if data:sub(1, 6) == "[DONE]" then
    return "end"
  end
  local usage = data:find('"usage"', 1, true)
  -- Some upstreams leave out [DONE]; a stated reason to finish is an end, too, once the body ends as it should.
  self.finished = self.finished or data:find('"finish_reason"%s*:%s*"') ~= nil
  if self.content and not usage and not data:find('"error"', 1, true) then
    return "content"
  end
  local document = cjson.decode(data)
  if type(document) ~= "table" then
    return "content"
  end
  note_usage(self, document.usage)
  self.model = type(document.model) == "string" and document.model or self.model
  if is_true(document.error) then
    return "error"
  end
  for _, choice in ipairs(type(document.choices) == "table" and document.choices or {}) do
    if type(choice) == "table" and has_content(choice) then
      return "content"
    end
  end
  return "startup"
end

local RESPONSES_STARTUP = {
  ["response.created"] = true,
  ["response.in_progress"] = true,
  ["response.queued"] = true,
  ["response.output_item.added"] = true,
  ["response.content_part.added"] = true,
}
local RESPONSES_END = { ["response.completed"] = true, ["response.incomplete"] = true, ["response.cancelled"] = true }

local function classify_responses(self, event)
  local data = data_of(event) or ""
  local kind = event:match("^event:[ ]?([%w_.]+)") or data:match('"type"%s*:%s*"([%w_.]+)"')
  self.number = tonumber(data:match('"sequence_number"%s*:%s*(%d+)')) or self.number
  if RESPONSES_END[kind] then
    local document = cjson.decode(data)
    local response = type(document) == "table" and document.response
    if type(response) == "table" then
      note_usage(self, response.usage)
      self.model = type(response.model) == "string" and response.model or self.model
    end
    return "end"
  elseif kind == "error" or kind == "response.failed" then
    return "error"
  end
  return RESPONSES_STARTUP[kind] and "startup" or "content"
end

local CLASSIFY = { messages = classify_messages, chat = classify_chat, responses = classify_responses }

local function classify(self, event)
  -- Comments and blank lines are no content.
  if not event:find("^[^:\r\n]") and not event:find("[\r\n][^:\r\n]") then
    return "comment"
  end
  return CLASSIFY[self.protocol](self, event)
end

-- end_of_event(text, from) -> position of the last byte of the blank line that ends the event, or nil
local function end_of_event(text, from)
  local at = from
  while true do
    local newline = text:find("\n", at, true)
    if not newline then
      return nil
    end
    local next_byte = text:byte(newline + 1)
    if next_byte == 10 then
      return newline + 1
    elseif next_byte == 13 and text:byte(newline + 2) == 10 then
      return newline + 2
    end
    at = newline + 1
  end
end

-- feed(bytes) -> bytes up to the last complete event (maybe ""). Sets .content, .ended, .finished, .failed as they show.
function _M.feed(self, bytes)
  local text = self.tail == "" and bytes or (self.tail .. bytes)
  local from = 1
  while true do
    local last = end_of_event(text, from)
    if not last then
      break
    end
    if self.blind then
      self.blind = false
    else
      local kind = classify(self, text:sub(from, last))
      if kind == "content" then
        self.content = true
      elseif kind == "end" then
        self.content, self.ended = true, true
      elseif kind == "error" then
        self.ended, self.failed = true, true
        if not self.content and not self.error_event then
          self.error_event = text:sub(from, last)
        end
      end
    end
    from = last + 1
  end
  if #text - from + 1 > EVENT_LIMIT_BYTES then
    self.blind, self.content, self.tail = true, true, ""
    return text
  end
  self.tail = text:sub(from)
  return text:sub(1, from - 1)
end

-- usage_of_tail(text) -> {input, output} of a JSON answer whose last bytes these are, or nil.
-- Inside a JSON string the quotes would be escaped, so `"usage"` is the key itself.
function _M.usage_of_tail(protocol, text)
  local found
  for object in text:gmatch('"usage"%s*:%s*(%b{})') do
    found = object
  end
  local probe = _M.new(protocol)
  note_usage(probe, found and cjson.decode(found))
  return probe.usage.seen and probe.usage or nil
end

return _M
