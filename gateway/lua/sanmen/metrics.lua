-- Counters, gauges and histograms of all workers, in one shared dictionary, as Prometheus text.
-- A key is the sample itself: `name{label="value"}`. Labels come from bounded sets only: routes, configured upstreams,
-- tenants of the registry, status codes.
local dict = ngx.shared.sanmen_metrics
local floor, format = math.floor, string.format

local _M = {}

local BUCKETS_S = { 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640 }

local FAMILIES = {
  sanmen_requests_total = { "counter", "Requests answered, by what came of them." },
  sanmen_request_duration_seconds = { "histogram", "From the request's first byte to the answer's last." },
  gen_ai_server_time_to_first_token_seconds = { "histogram", "From the request's first byte to the first content." },
  sanmen_tokens_total = { "counter", "Tokens as the upstream reported them." },
  sanmen_in_flight = { "gauge", "Requests that are being worked on." },
  sanmen_limit_decisions_total = { "counter", "Rate decisions; mode local: without Redis." },
  sanmen_upstream_attempts_total = { "counter", "Attempts at an upstream, by outcome." },
  sanmen_failovers_total = { "counter", "Requests that moved on from an upstream, and why." },
  sanmen_retry_budget_exhausted_total = { "counter", "Failovers not tried because too many were." },
  sanmen_redis_up = { "gauge", "1 while limits are exact, 0 while each worker enforces its share." },
  sanmen_redis_errors_total = { "counter", "Redis calls that failed or took too long." },
  sanmen_redis_duration_seconds = { "histogram", "Time a request waited for Redis." },
  sanmen_tenants = { "gauge", "Tenants in the registry in use." },
  sanmen_registry_loaded_timestamp_seconds = { "gauge", "When the registry in use was read." },
  sanmen_registry_failures_total = { "counter", "Registries that were refused." },
  sanmen_credentials = { "gauge", "1 if the upstream's credential is there." },
  sanmen_draining = { "gauge", "1 while readiness fails on purpose." },
}

local function key_of(name, labels)
  return labels and (name .. "{" .. labels .. "}") or name
end

-- labels("route", "messages", "status", 200) -> 'route="messages",status="200"'; values are from bounded, plain sets
function _M.labels(...)
  local given, out = { ... }, {}
  for i = 1, #given, 2 do
    out[#out + 1] = given[i] .. '="' .. tostring(given[i + 1]) .. '"'
  end
  return table.concat(out, ",")
end

function _M.add(name, labels, amount)
  dict:incr(key_of(name, labels), amount or 1, 0)
end

function _M.set(name, labels, value)
  dict:set(key_of(name, labels), value)
end

function _M.observe(name, labels, seconds)
  local bucket = "+Inf"
  for _, limit in ipairs(BUCKETS_S) do
    if seconds <= limit then
      bucket = limit
      break
    end
  end
  local comma = labels and "," or ""
  dict:incr(name .. "_bucket{" .. (labels or "") .. comma .. 'le="' .. bucket .. '"}', 1, 0)
  dict:incr(key_of(name .. "_sum", labels), seconds, 0)
end

-- In-flight gauges are kept per worker, so that a worker that died takes its count along.
function _M.in_flight(route, amount)
  dict:incr("in_flight|" .. ngx.worker.id() .. "|" .. route, amount, 0)
end

function _M.init_worker()
  local mine = "in_flight|" .. ngx.worker.id() .. "|"
  for _, key in ipairs(dict:get_keys(0)) do
    if key:sub(1, #mine) == mine then
      dict:delete(key)
    end
  end
end

local function number(value)
  return value == floor(value) and format("%d", value) or format("%.9g", value)
end

local function collect()
  local plain, buckets, in_flight = {}, {}, {}
  for _, key in ipairs(dict:get_keys(0)) do
    local value = dict:get(key)
    local route = key:match("^in_flight|%d+|(.+)$")
    local base, labels, limit = key:match('^([%w_]+)_bucket{(.-),?le="([^"]+)"}$')
    if value == nil then
      value = nil
    elseif route then
      in_flight[route] = (in_flight[route] or 0) + value
    elseif base then
      local series = base .. "\n" .. labels
      buckets[series] = buckets[series] or {}
      buckets[series][limit] = value
    else
      plain[key] = value
    end
  end
  for route, value in pairs(in_flight) do
    plain['sanmen_in_flight{route="' .. route .. '"}'] = value
  end
  return plain, buckets
end

local function lines_of_histogram(lines, series, counts)
  local base, labels = series:match("^(.-)\n(.*)$")
  local comma, total = labels ~= "" and "," or "", 0
  for i = 1, #BUCKETS_S + 1 do
    local limit = BUCKETS_S[i] and tostring(BUCKETS_S[i]) or "+Inf"
    total = total + (counts[limit] or 0)
    lines[#lines + 1] = format('%s_bucket{%s%sle="%s"} %s', base, labels, comma, limit, number(total))
  end
  lines[#lines + 1] = key_of(base .. "_count", labels ~= "" and labels or nil) .. " " .. number(total)
end

-- text() -> all samples in the Prometheus text format, families in order
function _M.text()
  local plain, buckets = collect()
  local by_family = {}
  local function lines_for(family)
    by_family[family] = by_family[family] or {}
    return by_family[family]
  end
  for series, counts in pairs(buckets) do
    lines_of_histogram(lines_for(series:match("^[^\n]+")), series, counts)
  end
  local keys = {}
  for key in pairs(plain) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  for _, key in ipairs(keys) do
    local name = key:match("^[%w_]+")
    local family = FAMILIES[name] and name or name:gsub("_sum$", "")
    local lines = lines_for(family)
    lines[#lines + 1] = key .. " " .. number(plain[key])
  end
  local families, out = {}, {}
  for family in pairs(by_family) do
    families[#families + 1] = family
  end
  table.sort(families)
  for _, family in ipairs(families) do
    local about = FAMILIES[family]
    out[#out + 1] = "# HELP " .. family .. " " .. about[2]
    out[#out + 1] = "# TYPE " .. family .. " " .. about[1]
    out[#out + 1] = table.concat(by_family[family], "\n")
  end
  return table.concat(out, "\n") .. "\n"
end

return _M
