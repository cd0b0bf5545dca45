-- writer.lua -- writes each record as a result, and says so if one was there before.

local folders = require 'folders'
local json = require 'std.json'
local log = require 'std.log'
local stage = require 'stage'

local function result(text, name)
  local record = json.decode(text)
  record.source = name
  return json.encode(record) .. '\n'
end

return stage.define {
  from = 'transformed', own = 'writer', to = 'results', said = 'written',
  work = result,
  before_handing_on = function(path)
    if folders.exists(path) then log.warn('replaces a result', { path = path }) end
  end,
}
