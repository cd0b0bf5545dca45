--- runsmith version.
local abi = require 'runsmith.abi'

return {
  name = 'version',
  summary = 'say which runsmith this is',
  run = function()
    local ok, host = pcall(require, 'runsmith.host')
    io.stdout:write(('runsmith %s (ABI %d, %s, libuv %s)\n'):format(
      ok and host.version or 'without its host', abi.C.RS_ABI, jit.version,
      require('luv').version_string()))
    return 0
  end,
}
