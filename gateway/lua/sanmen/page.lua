-- `/`: who runs this site, under which ICP licence. The law asks for it; the numbers are the operator's own.
local config = require("sanmen.config")

local _M = {}

local ESCAPES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

local function text(value)
  return (tostring(value):gsub("[&<>\"']", ESCAPES))
end

local function row(name, value)
  return "<dt>" .. name .. "</dt><dd>" .. value .. "</dd>\n"
end

local function link(address, value)
  return '<a href="' .. address .. '" rel="noreferrer">' .. text(value) .. "</a>"
end

local function render()
  local licence = config.licence
  local rows = { row("主办单位 / Operator", text(licence.owner)), row("联系方式 / Contact", text(licence.contact)) }
  rows[#rows + 1] = row("ICP备案号 / ICP filing", link("https://beian.miit.gov.cn/", licence.icp_number))
  if licence.public_security_number then
    local number = licence.public_security_number
    rows[#rows + 1] = row("公安备案号 / Public security filing", link("https://beian.mps.gov.cn/", number))
  end
  for _, filing in ipairs(licence.model_filings) do
    rows[#rows + 1] = row("模型备案 / Model filing: " .. text(filing.model), text(filing.number))
  end
  return table.concat({
    '<!doctype html>\n<html lang="zh-CN">\n<head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    "<title>" .. text(licence.site_name) .. "</title></head>\n<body>",
    "<h1>" .. text(licence.site_name) .. "</h1>\n<dl>\n" .. table.concat(rows) .. "</dl>\n</body>\n</html>\n",
  })
end

local page

function _M.show()
  page = page or render()
  ngx.header["Content-Type"] = "text/html; charset=utf-8"
  ngx.header["Content-Security-Policy"] = "default-src 'none'"
  ngx.header["X-Content-Type-Options"] = "nosniff"
  ngx.header["Content-Length"] = #page
  ngx.print(page)
end

return _M
