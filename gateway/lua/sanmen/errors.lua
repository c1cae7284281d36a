-- Errors in the shape of the API that was called, so that official clients raise what their users expect.
local cjson = require("cjson.safe")

local _M = {}

-- What clients of each API call an error. anthropic: error.type. openai: error.type, error.code.
local KINDS = {
  invalid_request = { 400, "invalid_request_error", "invalid_request_error" },
  unauthenticated = { 401, "authentication_error", "invalid_request_error", "invalid_api_key" },
  forbidden = { 403, "permission_error", "permission_error", "permission_denied" },
  not_found = { 404, "not_found_error", "invalid_request_error", "unknown_url" },
  method_not_allowed = { 405, "invalid_request_error", "invalid_request_error", "method_not_allowed" },
  timeout = { 408, "invalid_request_error", "invalid_request_error", "request_timeout" },
  length_required = { 411, "invalid_request_error", "invalid_request_error", "length_required" },
  too_large = { 413, "request_too_large", "invalid_request_error", "request_too_large" },
  headers_too_large = { 431, "invalid_request_error", "invalid_request_error", "headers_too_large" },
  upgrade_required = { 426, "invalid_request_error", "invalid_request_error", "upgrade_required" },
  rate_limited = { 429, "rate_limit_error", "requests", "rate_limit_exceeded" },
  internal = { 500, "api_error", "server_error", "internal_error" },
  upstream_failed = { 502, "api_error", "server_error", "upstream_failed" },
  unavailable = { 503, "overloaded_error", "server_error", "unavailable" },
  upstream_timeout = { 504, "timeout_error", "server_error", "upstream_timeout" },
}

local BY_STATUS = {
  [400] = "invalid_request",
  [404] = "not_found",
  [405] = "method_not_allowed",
  [408] = "timeout",
  [411] = "length_required",
  [413] = "too_large",
  [414] = "invalid_request",
  [431] = "headers_too_large",
  [494] = "headers_too_large",
  [500] = "internal",
}

local BY_UPSTREAM_STATUS = { [429] = "rate_limited", [503] = "unavailable", [529] = "unavailable" }

-- $request_id is made anew each time it is asked for, so an exchange holds its own.
local function request_id_of_exchange()
  local exchange = ngx.ctx.exchange
  if not exchange then
    exchange = { route = { name = "malformed" }, request_id = ngx.var.request_id }
    ngx.ctx.exchange = exchange
  end
  return exchange.request_id
end

local function body(shape, kind, message, request_id)
  local names = KINDS[kind]
  if shape == "anthropic" then
    return { type = "error", error = { type = names[2], message = message }, request_id = request_id }
  end
  return { error = { message = message, type = names[3], param = cjson.null, code = names[4] or cjson.null } }
end

function _M.status(kind)
  return KINDS[kind][1]
end

-- answer(shape, kind, message): the whole response. Headers that the caller set stay.
function _M.answer(shape, kind, message)
  local request_id = request_id_of_exchange()
  ngx.status = KINDS[kind][1]
  ngx.header["Content-Type"] = "application/json"
  ngx.header["Cache-Control"] = "no-store"
  ngx.header["request-id"] = request_id
  ngx.header["x-request-id"] = request_id
  local text = cjson.encode(body(shape, kind, message, request_id)) .. "\n"
  ngx.header["Content-Length"] = #text
  ngx.print(text)
end

-- event(protocol, kind, message, number) -> the SSE bytes that end a stream as failed. protocol: messages, chat or
-- responses; number: of this event, where events are numbered
function _M.event(protocol, kind, message, number)
  local request_id = request_id_of_exchange()
  if protocol == "messages" then
    return "event: error\ndata: " .. cjson.encode(body("anthropic", kind, message, request_id)) .. "\n\n"
  end
  if protocol == "responses" then
    local failure = { type = "error", code = "server_error", message = message, param = cjson.null }
    failure.sequence_number = number or 0
    return "event: error\ndata: " .. cjson.encode(failure) .. "\n\n"
  end
  return "data: " .. cjson.encode(body("openai", kind, message, request_id)) .. "\n\n"
end

local function or_null(value)
  return value == nil and cjson.null or value
end

-- event_of_answer(protocol, status, text) -> the SSE bytes that say what an upstream's answer says, which is no stream
function _M.event_of_answer(protocol, status, text)
  local document = cjson.decode(text)
  local told = type(document) == "table" and document.error
  if type(told) ~= "table" then
    local kind = BY_UPSTREAM_STATUS[status] or (status >= 400 and status < 500 and "invalid_request")
    return _M.event(protocol, kind or "upstream_failed", "the upstream answered with status " .. status)
  end
  if protocol == "responses" then
    local failure = { type = "error", code = or_null(told.code), message = or_null(told.message) }
    failure.param, failure.sequence_number = or_null(told.param), 0
    return "event: error\ndata: " .. cjson.encode(failure) .. "\n\n"
  end
  -- Line ends are never inside a JSON string, and would end the event's line.
  local line = text:gsub("[\r\n]+", " ")
  return (protocol == "messages" and "event: error\n" or "") .. "data: " .. line .. "\n\n"
end

-- shape_of_request(): which API a caller of an unknown path most likely speaks
function _M.shape_of_request()
  if ngx.var.http_anthropic_version or ngx.var.http_x_api_key then
    return "anthropic"
  end
  return "openai"
end

-- from_nginx(): what nginx itself refused (error_page), in the same shapes
function _M.from_nginx()
  local status = ngx.status
  local kind = BY_STATUS[status] or (status >= 500 and "internal" or "invalid_request")
  local path = ngx.var.request_uri or ""
  local shape = path:find("^/v1/messages") and "anthropic" or _M.shape_of_request()
  local messages = {
    too_large = "request body is larger than this gateway accepts",
    headers_too_large = "request headers are larger than this gateway accepts",
    internal = "the gateway failed; the request id helps its operator to find out why",
    timeout = "the request did not arrive in time",
  }
  _M.answer(shape, kind, messages[kind] or "malformed request")
end

return _M
