-- SHA-256 by the libcrypto that nginx itself is linked with; Debian has no Lua package for it.
local ffi = require("ffi")
local format = string.format

ffi.cdef([[ unsigned char *SHA256(const unsigned char *d, size_t n, unsigned char *md); ]])

local found, crypto = pcall(function()
  return ffi.C.SHA256 and ffi.C
end)
if not found then
  crypto = ffi.load("libcrypto.so.3")
end

local digest = ffi.new("unsigned char[32]")
local hex_of = {}
for byte = 0, 255 do
  hex_of[byte] = format("%02x", byte)
end

local _M = {}

-- hex(text) -> 64 lower-case hex digits
function _M.hex(text)
  crypto.SHA256(text, #text, digest)
  local out = {}
  for i = 0, 31 do
    out[i + 1] = hex_of[digest[i]]
  end
  return table.concat(out)
end

return _M
