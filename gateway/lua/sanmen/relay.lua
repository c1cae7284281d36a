-- One answer of one upstream, passed to the client. Until content is out (`committed`) a failure is returned, so that
-- the next upstream can be tried; after that nothing is replayed, and the client learns that the answer is broken.
local client = require("sanmen.client")
local config = require("sanmen.config")
local errors = require("sanmen.errors")
local metrics = require("sanmen.metrics")
local sse = require("sanmen.sse")
local upstream = require("sanmen.upstream")

local _M = {}

local TAIL_BYTES = 4096
-- After the last event the body's own end is only awaited to keep the connection.
local END_WAIT_S = 5
-- An error's body is short; the next upstream should not wait for one that hangs.
local REPLY_S = 2

-- await(ex, connection, deadline) -> true | nil, reason. Comments keep the client meanwhile.
local function await(ex, connection, deadline)
  while true do
    local now = ngx.now()
    local left = deadline - now
    if left <= 0 then
      return nil, "timeout"
    end
    local until_comment = client.next_comment_s(ex, now)
    if until_comment and until_comment <= 0 then
      client.comment(ex)
      until_comment = config.sse_keepalive_s
    end
    local ok, reason = upstream.fill(connection, math.min(left, until_comment or left))
    if ok then
      return true
    elseif reason ~= "timeout" then
      return nil, reason
    end
  end
end

-- head(ex, connection, timeout_s) -> true | nil, reason: status and headers have come
function _M.head(ex, connection, timeout_s)
  local deadline = ngx.now() + timeout_s
  while true do
    local ok, reason = upstream.take_head(connection)
    if ok then
      return true
    elseif ok == nil then
      return nil, reason
    end
    local filled, failed = await(ex, connection, deadline)
    if not filled then
      return nil, failed == "timeout" and "first_byte_timeout" or "closed"
    end
  end
end

local function commit(ex, connection)
  ex.committed = true
  if not ex.begun then
    client.begin(ex, connection.status, connection.headers)
  end
end

local function note_answer(ex, connection)
  local headers = connection.headers
  local id = headers["request-id"] or headers["x-request-id"]
  ex.upstream_request_id = type(id) == "string" and id:sub(1, 128) or nil
end

-- whole(ex, connection, limit, deadline) -> text, finished | nil, reason: the body, or its first part if it is larger.
-- deadline: of all of it; without one only silence ends the wait
local function whole(ex, connection, limit, deadline)
  local parts, size = {}, 0
  while true do
    local data, finished = upstream.take_body(connection)
    if not data then
      return nil, finished
    end
    parts[#parts + 1], size = data, size + #data
    if finished or size > limit then
      return table.concat(parts), finished
    end
    local ok, reason = await(ex, connection, deadline or ngx.now() + connection.upstream.read_timeout_s)
    if not ok and connection.body.kind == "close" and reason == "closed" then
      return table.concat(parts), true
    elseif not ok then
      return nil, reason
    end
  end
end

-- reply(ex, connection) -> {status, headers, body}: an answer that is kept in case no upstream does better; nil if it
-- is too large or too slow to be kept whole
function _M.reply(ex, connection)
  note_answer(ex, connection)
  local text, finished = whole(ex, connection, config.buffers.startup_bytes, ngx.now() + REPLY_S)
  upstream.release(connection)
  return text and finished and { status = connection.status, headers = connection.headers, body = text } or nil
end

-- send_reply(ex, reply): a kept answer, as it came, or as the event that says the same where events have begun
function _M.send_reply(ex, reply)
  if ex.begun then
    return client.write(ex, errors.event_of_answer(ex.protocol, reply.status, reply.body))
  end
  client.begin(ex, reply.status, reply.headers)
  ngx.header["content-length"] = #reply.body
  client.write(ex, reply.body)
end

local function finish_plain(ex, connection, tail)
  ex.end_reason = "done"
  if ex.protocol and connection.status == 200 then
    ex.usage = sse.usage_of_tail(ex.protocol, tail)
  end
  upstream.release(connection)
  return true
end

-- plain(ex, connection) -> true | nil, failure
function _M.plain(ex, connection)
  note_answer(ex, connection)
  local text, finished = whole(ex, connection, config.buffers.startup_bytes)
  if not text then
    upstream.close(connection)
    return nil, { reason = finished == "timeout" and "idle_timeout" or "upstream_eof" }
  end
  if ex.begun then
    -- Comments are out already, so it cannot follow as it is. It is final all the same: others would say no better.
    ex.end_reason = "upstream_error"
    upstream.release(connection)
    _M.send_reply(ex, { status = connection.status, body = text })
    return true
  end
  commit(ex, connection)
  local length = connection.headers["content-length"]
  if finished then
    ngx.header["content-length"] = #text
  elseif type(length) == "string" then
    ngx.header["content-length"] = length
  end
  client.write(ex, text)
  local tail = text:sub(-TAIL_BYTES)
  while not finished do
    local ok, reason = await(ex, connection, ngx.now() + connection.upstream.read_timeout_s)
    if not ok and connection.body.kind == "close" and reason == "closed" then
      break
    end
    local data
    if ok then
      data, finished = upstream.take_body(connection)
    end
    if not data then
      ex.end_reason = reason == "timeout" and "idle_timeout" or "upstream_eof"
      upstream.close(connection)
      return client.break_off()
    end
    client.write(ex, data)
    tail = (tail .. data):sub(-TAIL_BYTES)
  end
  return finish_plain(ex, connection, tail)
end

local function commit_stream(ex, connection, held)
  ex.committed = true
  if not ex.begun then
    client.begin_stream(ex, connection.headers)
  end
  ex.first_token_s = ngx.now() - ex.started
  local labels = metrics.labels("route", ex.route.name, "upstream", connection.upstream.name)
  metrics.observe("gen_ai_server_time_to_first_token_seconds", labels, ex.first_token_s)
  client.write(ex, table.concat(held))
end

local function end_stream(ex, connection, reader, reason)
  ex.usage = reader.usage.seen and reader.usage or nil
  ex.model = reader.model
  if reader.ended or (reader.finished and connection.body.done) then
    ex.end_reason = reader.failed and "upstream_error" or "done"
    upstream.release(connection)
    return true
  end
  upstream.close(connection)
  local timed_out = reason == "timeout"
  if not ex.committed then
    return nil, { reason = timed_out and "idle_timeout" or "upstream_eof" }
  end
  ex.end_reason = timed_out and "idle_timeout" or "upstream_eof"
  local message = timed_out and "the upstream fell silent; this answer is incomplete"
    or "the upstream broke off; this answer is incomplete"
  local kind = timed_out and "upstream_timeout" or "upstream_failed"
  client.write(ex, errors.event(ex.protocol, kind, message, (reader.number or -1) + 1))
  return true
end

-- stream(ex, connection) -> true | nil, failure
function _M.stream(ex, connection)
  note_answer(ex, connection)
  ex.stream = true
  local reader = sse.new(ex.protocol or "chat")
  local held, held_bytes = {}, 0
  while true do
    local data, finished = upstream.take_body(connection)
    if not data then
      return end_stream(ex, connection, reader, finished)
    end
    local out = data ~= "" and reader:feed(data) or ""
    if ex.committed then
      client.write(ex, out)
    elseif out ~= "" then
      held[#held + 1], held_bytes = out, held_bytes + #out
      if reader.error_event then
        upstream.close(connection)
        return nil, { reason = "error_event", headers = connection.headers, event = table.concat(held) }
      elseif reader.content or held_bytes > config.buffers.startup_bytes then
        commit_stream(ex, connection, held)
      end
    end
    if finished then
      return end_stream(ex, connection, reader, "closed")
    end
    local wait_s = reader.ended and END_WAIT_S or connection.upstream.read_timeout_s
    local ok, reason = await(ex, connection, ngx.now() + wait_s)
    if not ok then
      if reason == "closed" and connection.body.kind == "close" then
        connection.body.done = true
      end
      return end_stream(ex, connection, reader, reason)
    end
  end
end

return _M
