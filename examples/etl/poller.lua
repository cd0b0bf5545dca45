-- poller.lua -- polls the inbox; parses `Field: value` text, continuation lines too.

local json = require 'std.json'
local stage = require 'stage'

local function parse(text)
  local fields, last = {}, nil
  for line in text:gmatch '[^\n]+' do
    local name, value = line:match '^([%w-]+):%s*(.*)$'
    if name then
      last = name:lower():gsub('-', '_')
      fields[last] = value
    elseif last and line:find '^%s' then
      fields[last] = fields[last] .. '\n' .. line:gsub('^%s+', '')
    else
      error(('not a field: %q'):format(line))
    end
  end
  return json.encode(fields)
end

return stage.define {
  from = 'inbox', own = 'poller', to = 'parsed', said = 'parsed', work = parse,
}
