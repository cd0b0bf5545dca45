-- What std does, and what it says when it is stopped: alike in each backend.

local channel = require 'std.channel'
local client = require 'runsmith.client'
local cron = require 'std.cron'
local fs = require 'std.fs'
local http = require 'std.http'
local json = require 'std.json'
local log = require 'std.log'
local net = require 'std.net'
local process = require 'std.process'
local task = require 'std.task'
local time = require 'std.time'

local STOP = { { '0 log info waits', 'stop' } }

-- A task that says what this returned, as text.
local function telling(fn)
  return function(ctx)
    local list = { fn(ctx) }
    for i, value in ipairs(list) do
      list[i] = tostring(value)
    end
    log.info('returned', { it = table.concat(list, ' ') })
  end
end

-- ... that is told to stop while it waits for it.
local function stopped(fn)
  return telling(function(ctx)
    log.info 'waits'
    local first, second = fn(ctx)
    return tostring(first), second, ctx.stopping
  end)
end

local function expect(text)
  return '0 started\n0 running\n0 ready\n0 log info returned it=' .. text
    .. '\n0 exited ok\n0 completed'
end

local WAITED = [[
  0 started
  0 running
  0 ready
  0 log info waits
  0 stop
  0 log info returned it=nil stopping true
  0 exited ok expected
]]

local function listen() return assert(net.listen { host = '127.0.0.1', port = 0 }) end

return {
  {
    'time.every', trace = expect 'count 3',
    run = telling(function()
      local count = 0
      for tick in time.every(0.01) do
        if tick >= 2 then break end
        count = count + 1
      end
      return 'count', count > 0 and 3
    end),
  },
  { 'time.sleep is stopped', steps = STOP, trace = WAITED,
    run = stopped(function() return time.sleep(60) end) },
  {
    'json', trace = expect '{"a":[1,2]} 2 json',
    run = telling(function()
      local text = json.encode { a = { 1, 2 } }
      local _, err = json.decode '{'
      return text, #json.decode(text).a, err.code
    end),
  },
  {
    'fs', trace = expect 'true one,two ENOENT true',
    run = telling(function()
      local dir = assert(fs.temp())
      local wrote = fs.write(dir .. '/a', 'one')
      fs.append(dir .. '/a', ',two')
      local text = fs.read(dir .. '/a')
      local _, err = fs.read(dir .. '/b')
      return wrote, text, err.code, fs.remove(dir, { recursive = true })
    end),
  },
  {
    'fs.watch is stopped', steps = STOP, trace = WAITED,
    run = stopped(function() return assert(fs.watch '.'):wait(60) end),
  },
  {
    'process.run', trace = expect 'out 3 err false',
    run = telling(function()
      local r = assert(process.run { 'sh', '-c', 'printf out; printf err >&2; exit 3' })
      return r.stdout, r.status, r.stderr, r.ok
    end),
  },
  {
    'process.run is stopped', steps = STOP, trace = WAITED,
    run = stopped(function() return process.run { 'sleep', '60' } end),
  },
  {
    'process.spawn', trace = expect 'hello true TERM',
    run = telling(function()
      local child = assert(process.spawn { 'cat' })
      child:write 'hello\n'
      local line = child:line(5)
      local alive = child:is_alive()
      child:kill()
      return line, alive, child:wait(5).signal
    end),
  },
  {
    'a program that cannot be', trace = expect 'nil ENOENT',
    run = telling(function()
      local child, err = process.spawn { '/no/such/program' }
      return tostring(child), err.code
    end),
  },
  {
    'net, a server and its client', trace = expect 'ping pong closed',
    run = telling(function()
      local server = listen()
      local heard
      task.spawn(function()
        local peer = assert(server:accept(5))
        heard = peer:read_line()
        peer:write 'pong\n'
        peer:close()
      end)
      local peer = assert(net.connect { host = '127.0.0.1', port = server.port })
      peer:write 'ping\n'
      local answer = peer:read_line()
      local _, why = peer:read_line()
      return heard, answer, why
    end),
  },
  {
    'net, an accept is stopped', steps = STOP, trace = WAITED,
    run = stopped(function() return listen():accept(60) end),
  },
  {
    'http, a server and its client', trace = expect '200 you sent: hello 404',
    run = telling(function()
      local server = assert(http.listen {
        port = 0, host = '127.0.0.1',
        routes = {
          ['POST /echo'] = function(request, response)
            return response:send('you sent: ' .. request:read())
          end,
        },
      })
      local answer = assert(http.post(server.url .. '/echo', 'hello'))
      return answer.status, answer.body, assert(http.get(server.url .. '/none')).status
    end),
  },
  {
    'cron', trace = expect 'true 0 0 3 * * * true',
    run = telling(function()
      local often = cron.every(0.01)
      local due = often:wait()
      return due ~= nil, '0 0 3 * * *', cron.at('0 0 3 * * *'):next() > time.now()
    end),
  },
  {
    'cron is stopped', steps = STOP, trace = WAITED,
    run = stopped(function() return cron.every(60):wait() end),
  },
  {
    'strands', trace = expect '3 true',
    run = telling(function()
      local sum = 0
      local strands = {}
      for i = 1, 2 do
        strands[i] = task.spawn(function()
          time.sleep(0.01)
          sum = sum + i
        end)
      end
      for _, strand in ipairs(strands) do
        strand:join()
      end
      return sum, true
    end),
  },
  {
    'client', trace = expect 'true not_found',
    run = telling(function(ctx)
      local units = assert(client.status(ctx.path))
      local _, err = client.status 'plant/nobody'
      return units ~= nil, err.code
    end),
  },
  {
    'channel, in one worker', trace = expect 'true 1 timeout nil',
    channels = { own = { capacity = 4 } },
    run = telling(function()
      local own = assert(channel.open 'own')
      local sent = own:send { n = 1 }
      local item = own:receive(1)
      own:ack(item)
      local _, why = own:receive(0.01)
      return sent, item.value.n, why, tostring(own:receive(0))
    end),
  },
  {
    'channel.receive is stopped', steps = STOP, trace = WAITED,
    channels = { own = { capacity = 4 } },
    run = stopped(function() return assert(channel.open 'own'):receive(60) end),
  },
  {
    'channel.send is stopped', steps = STOP, trace = WAITED,
    channels = { own = { capacity = 1 } },
    run = stopped(function()
      local own = assert(channel.open 'own')
      own:send(1)
      return own:send(2)
    end),
  },
}
