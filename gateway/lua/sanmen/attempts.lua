-- Upstreams one after another until one answers: ordered, weighted, within the retry budget, and only while no content
-- has reached the client.
local budget = require("sanmen.budget")
local client = require("sanmen.client")
local config = require("sanmen.config")
local metrics = require("sanmen.metrics")
local relay = require("sanmen.relay")
local upstream = require("sanmen.upstream")

local _M = {}

-- The operator's credential is refused: another upstream may take its own, and the tenant must not think it is theirs.
local CREDENTIAL_STATUS = { [401] = true, [402] = true }

-- How soon after sending a close says no more than that the connection had been idle for too long.
local STALE_S = 1
-- An upstream may answer and close before it has read the whole body; then its answer is there already.
local EARLY_ANSWER_S = 1

local function moves_on(status)
  return status >= 500 or status == 429 or CREDENTIAL_STATUS[status]
end

local function send_body(socket, head, body)
  if not body.file then
    return socket:send({ head, body.text or "" })
  end
  local ok, reason = socket:send(head)
  local file = ok and io.open(body.file, "rb")
  if not file then
    return nil, reason or "body file"
  end
  while true do
    local piece = file:read(65536)
    if not piece then
      break
    end
    ok, reason = socket:send(piece)
    if not ok then
      break
    end
  end
  file:close()
  return ok, reason
end

-- reach(ex, chosen, extra) -> connection with the answer's head | nil, failure
local function reach(ex, chosen, extra)
  local head = upstream.head(chosen, ex.shape, ex.method, ex.target, ex.headers, extra)
  local fresh = false
  while true do
    local connection, reason, detail = upstream.connect(chosen, fresh)
    if not connection then
      return nil, { reason = reason, detail = detail }
    end
    local started = ngx.now()
    local sent, unsent = send_body(connection.socket, head, ex.body)
    local waits_since = ngx.now()
    local ok, failed = relay.head(ex, connection, sent and chosen.first_byte_timeout_s or EARLY_ANSWER_S)
    if ok then
      connection.keep = connection.keep and sent
      return connection
    end
    upstream.close(connection)
    reason = sent and failed or "send"
    local took_s = sent and ngx.now() - waits_since or waits_since - started
    -- An idle connection that the upstream closed meanwhile says nothing about the upstream.
    local closed = (reason == "send" or reason == "closed") and took_s <= STALE_S
    if not (connection.reused and connection.buffer == "" and closed) then
      return nil, { reason = reason, detail = unsent or failed }
    end
    fresh = true
  end
end
_M.reach = reach

local function is_stream(headers)
  local kind = headers["content-type"]
  return type(kind) == "string" and kind:lower():find("^text/event%-stream") ~= nil
end

local function attempt(ex, chosen)
  local connection, failure = reach(ex, chosen, { "content-length: " .. ex.body.size })
  if not connection then
    return nil, failure
  end
  local status = connection.status
  if status == 101 then
    upstream.close(connection)
    return nil, { reason = "protocol" }
  elseif moves_on(status) then
    local reply = relay.reply(ex, connection)
    return nil, { reason = "status_" .. status, reply = not CREDENTIAL_STATUS[status] and reply or nil }
  elseif status == 200 and is_stream(connection.headers) then
    return relay.stream(ex, connection)
  end
  return relay.plain(ex, connection)
end

local function note(ex, chosen, outcome, detail)
  metrics.add("sanmen_upstream_attempts_total", metrics.labels("upstream", chosen.name, "outcome", outcome))
  if outcome ~= "ok" then
    local about = detail and (" (" .. detail .. ")") or ""
    ngx.log(ngx.WARN, "upstream ", chosen.name, ": ", outcome, about, ", request ", ex.request_id)
  end
end

-- each(ex, try) -> true if `try(ex, upstream)` answered, else false, the failure to tell the client about
function _M.each(ex, try)
  local candidates = upstream.candidates(ex.shape, ex.tenant)
  budget.request(ngx.now())
  local told
  for i = 1, math.min(#candidates, config.retries.attempts) do
    local chosen = candidates[i]
    ex.attempts, ex.upstream = i, chosen.name
    local ok, failure = try(ex, chosen)
    if ok then
      note(ex, chosen, "ok")
      return true
    end
    note(ex, chosen, failure.reason, failure.detail)
    -- What an upstream said itself tells the client more than that another could not be reached.
    local says = failure.reply or failure.event
    told = (says or not told or not (told.reply or told.event)) and failure or told
    if candidates[i + 1] and i < config.retries.attempts then
      if not budget.take(ngx.now()) then
        metrics.add("sanmen_retry_budget_exhausted_total")
        break
      end
      metrics.add("sanmen_failovers_total", metrics.labels("upstream", chosen.name, "reason", failure.reason))
    end
  end
  return false, told
end

-- tell(ex, failure): the last word when no upstream answered
function _M.tell(ex, failure)
  ex.end_reason = "upstream_error"
  if not failure then
    ex.end_reason = "refused"
    return client.refuse(ex, "unavailable", "no upstream serves this API for this tenant")
  end
  if failure.event and not ex.begun then
    client.begin_stream(ex, failure.headers)
  end
  if failure.event then
    return client.write(ex, failure.event)
  elseif failure.reply then
    return relay.send_reply(ex, failure.reply)
  elseif failure.reason == "first_byte_timeout" or failure.reason == "idle_timeout" then
    return client.refuse(ex, "upstream_timeout", "the upstream did not answer in time")
  end
  return client.refuse(ex, "upstream_failed", "no upstream could answer this request")
end

-- run(ex): an ordinary request from here to its end
function _M.run(ex)
  local ok, failure = _M.each(ex, attempt)
  if not ok then
    _M.tell(ex, failure)
  end
end

return _M
