-- feeder.lua -- drops the parts of a real file into the inbox, once, whatever happens.
--
-- All parts are prepared in a folder of its own before the first is dropped, and a mark
-- tells that they are: killed before, it begins anew; killed after, it drops the rest.

local folders = require 'folders'
local log = require 'std.log'
local worker = require 'runsmith.worker'

local function prepare(own, source)
  local count = 0
  for stanza in (folders.read(source) .. '\n'):gmatch '(Package: .-\n)\n' do
    count = count + 1
    local name = stanza:match '^Package: ([^\n]+)'
    local arch = stanza:match '\nArchitecture: ([^\n]+)' or 'none'
    folders.write(('%s/%s_%s'):format(own, name, arch), stanza)
  end
  return count
end

return worker.define {
  lifecycle = {
    { 'preparing', timeout = 60, on = { prepared = 'dropping', error = 'crashed' } },
    { 'dropping', timeout = 60, on = { dropped = 'finished', error = 'crashed' } },
    { 'finished', ends = 'ok' },
    { 'crashed', ends = 'error' },
  },
  preparing = function(self, ctx)
    self.own, self.inbox = ctx.args.dir .. '/feeder', ctx.args.dir .. '/inbox'
    self.mark = ctx.args.dir .. '/fed'
    folders.make(self.own)
    folders.make(self.inbox)
    if not folders.exists(self.mark) then
      folders.write(self.mark, tostring(prepare(self.own, ctx.args.source)))
    end
    return 'prepared'
  end,
  dropping = function(self, ctx)
    local names = folders.list(self.own)
    for i, name in ipairs(names) do
      folders.move(self.own .. '/' .. name, self.inbox .. '/' .. name)
      if i % 100 == 0 then ctx:heartbeat() end
    end
    log.info(('dropped %d files into %s'):format(#names, self.inbox))
    return 'dropped'
  end,
}
