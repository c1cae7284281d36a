-- The client's side of an answer. An exchange is a table that lives as long as its request:
--   route, shape, protocol, tenant, method, target, headers, body, stream (the client asked for one), started,
--   begun (the status line is out), committed (content is out: no other upstream from here on), last_write.
local config = require("sanmen.config")
local errors = require("sanmen.errors")

local _M = {}

-- Hop-by-hop, nginx's own, or about the operator's account rather than the answer.
local NOT_RETURNED = {
  ["alt-svc"] = true,
  ["anthropic-organization-id"] = true,
  ["connection"] = true,
  ["content-length"] = true,
  ["date"] = true,
  ["keep-alive"] = true,
  ["openai-organization"] = true,
  ["openai-project"] = true,
  ["proxy-authenticate"] = true,
  ["proxy-connection"] = true,
  ["server"] = true,
  ["set-cookie"] = true,
  ["strict-transport-security"] = true,
  ["te"] = true,
  ["trailer"] = true,
  ["transfer-encoding"] = true,
  ["upgrade"] = true,
  ["via"] = true,
}

local function gone(ex)
  ex.end_reason = "client_gone"
  return ngx.exit(499)
end

-- begin(ex, status, headers): the status line and headers go out with the first byte
function _M.begin(ex, status, headers)
  ex.begun = true
  ngx.status = status
  for name, value in pairs(headers) do
    if not NOT_RETURNED[name] then
      ngx.header[name] = value
    end
  end
  ngx.header["x-sanmen-request-id"] = ex.request_id
end

-- begin_stream(ex, headers): 200 and what keeps proxies from holding events back
function _M.begin_stream(ex, headers)
  _M.begin(ex, 200, headers)
  ngx.header["content-type"] = headers["content-type"] or "text/event-stream; charset=utf-8"
  ngx.header["cache-control"] = headers["cache-control"] or "no-cache"
  ngx.header["x-accel-buffering"] = "no"
end

-- write(ex, bytes): out now, waiting while the client is slow; ends the request if the client is gone
function _M.write(ex, bytes)
  if bytes == "" then
    return
  end
  local ok = ngx.print(bytes)
  ok = ok and ngx.flush(true)
  if not ok then
    return gone(ex)
  end
  ex.last_write = ngx.now()
end

-- comment(ex): keeps a silent stream's connection; it is no content, so moving on stays possible
function _M.comment(ex)
  if not ex.begun then
    _M.begin_stream(ex, {})
  end
  _M.write(ex, ": keep-alive\n\n")
end

-- next_comment_s(ex) -> seconds until one is due, or nil if this exchange is no stream
function _M.next_comment_s(ex, now)
  return ex.stream and (ex.last_write + config.sse_keepalive_s - now) or nil
end

-- break_off(ex): an answer with a stated length or none of its own error frame; the client must see it is cut
function _M.break_off()
  return ngx.exit(ngx.ERROR)
end

-- refuse(ex, kind, message): the gateway's own error, as event if the stream has begun
function _M.refuse(ex, kind, message)
  if ex.begun then
    return _M.write(ex, errors.event(ex.protocol, kind, message))
  end
  ngx.header["x-sanmen-request-id"] = ex.request_id
  errors.answer(ex.shape, kind, message)
end

-- watch(ex): a client that leaves ends the request, and with it the upstream's connection, at once
function _M.watch(ex)
  local ok, reason = ngx.on_abort(function()
    gone(ex)
  end)
  if not ok then
    ngx.log(ngx.WARN, "on_abort: ", reason)
  end
end

return _M
