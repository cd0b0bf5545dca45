--- runsmith version.
local abi = require 'runsmith.abi'

local VERSION = '0.1.0' -- CMakeLists.txt says the same

return {
  name = 'version',
  summary = 'say which runsmith this is',
  run = function()
    io.stdout:write(
      ('runsmith %s (ABI %d, %s, libuv %s)\n'):format(
        VERSION,
        abi.C.RS_ABI,
        jit.version,
        require('luv').version_string()
      )
    )
    return 0
  end,
}
