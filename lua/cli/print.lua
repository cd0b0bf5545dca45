--- runsmith __print: journal lines from descriptor 0 to descriptor 2, as text or JSON.
--- It outlives the signals that a terminal sends, so that the end is shown too; it ends
--- with its input, or when nobody reads what it writes.
local abi = require 'runsmith.abi'
local ffi = require 'ffi'
local lines = require 'cli.lines'

local INPUT, OUTPUT = 0, 2
local CHUNK = 65536
local HANGUP, INTERRUPT, QUIT, PIPE, TERMINATE = 1, 2, 3, 13, 15

local function copy(chunk, out) out[#out + 1] = chunk end

local function run(as_json)
  for _, number in ipairs { HANGUP, INTERRUPT, QUIT, PIPE, TERMINATE } do
    abi.ignore(number)
  end
  local bytes = ffi.new('uint8_t[?]', CHUNK)
  local take = as_json and copy or lines.cutter(lines.writer(OUTPUT))
  local ended_line = true
  while true do
    local size = abi.read(INPUT, bytes, CHUNK)
    local out = {}
    if size and size > 0 then
      take(ffi.string(bytes, size), out)
      ended_line = bytes[size - 1] == 10
    elseif not ended_line then
      take('\n', out)
    end
    local text = table.concat(out)
    if #text > 0 and not abi.write(OUTPUT, text, #text) then return 0 end
    if not size or size == 0 then return 0 end
  end
end

--- @param argv string[]
--- @return integer status
return function(argv)
  local how = argv[1]
  if how ~= 'text' and how ~= 'json' then
    io.stderr:write 'usage: runsmith __print text|json\n'
    return 2
  end
  return run(how == 'json')
end
