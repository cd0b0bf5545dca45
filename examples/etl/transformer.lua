-- transformer.lua -- from fields as they came to a record with numbers and lists.

local json = require 'std.json'
local stage = require 'stage'

local function names(relation)
  local list = {}
  for alternative in (relation or ''):gmatch '[^,]+' do
    list[#list + 1] = alternative:match '^%s*([%w.+-]+)'
  end
  return list
end

local function transform(text)
  local fields = json.decode(text)
  return json.encode {
    package = fields.package,
    version = fields.version,
    architecture = fields.architecture,
    bytes = (tonumber(fields.installed_size) or 0) * 1024,
    needs = names(fields.depends),
    needs_count = #names(fields.depends),
    summary = (fields.description or ''):match '^[^\n]*',
  }
end

return stage.define {
  from = 'parsed', own = 'transformer', to = 'transformed', said = 'transformed',
  work = transform,
}
