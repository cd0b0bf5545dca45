--- What a program writes, as it waits to be read.

local err = require 'std.err'
local owned = require 'runsmith.vm.owned'

--- @class std.process.Stream
--- @field pipe userdata
--- @field over? string it has ended: 'closed', or luv's word for what went wrong
--- @field parts string[]
--- @field size integer bytes in parts
--- @field room? integer bytes from which on the program waits; nil: it is not read here
--- @field lines? string[] cut off already, from next_line on not yet taken
--- @field next_line integer
--- @field notify fun() called when something has happened
local Stream = {}
Stream.__index = Stream

local M = {}

--- @param pipe userdata
--- @param notify fun()
--- @return std.process.Stream
function M.new(pipe, notify)
  return setmetatable({ pipe = pipe, notify = notify, parts = {}, size = 0 }, Stream)
end

--- No more comes of it.
--- @param why? string luv's word for what went wrong
function Stream:close(why)
  self.over = self.over or why or 'closed'
  local uv = owned.luv()
  if not uv.is_closing(self.pipe) then uv.close(self.pipe) end
end

--- Begins, or goes on, to keep what is written, up to `room` bytes.
--- @param room integer
function Stream:keep(room)
  local uv = owned.luv()
  self.room = room
  uv.read_start(self.pipe, function(why, text)
    if text then
      self.parts[#self.parts + 1] = text
      self.size = self.size + #text
      if self.size >= room then
        self.is_full = true
        uv.read_stop(self.pipe)
      end
    else
      self:close(why)
    end
    self.notify()
  end)
end

--- Has it go where the worker's own output goes, in the worker's name.
--- @param out runsmith.Stream io.stdout or io.stderr
function Stream:journal(out)
  local is_open = false
  owned.module().read_start(self.pipe, function(why, text)
    if text then
      out:write(text)
      is_open = text:sub(-1) ~= '\n'
      return
    end
    if is_open then out:write '\n' end
    self:close(why)
    self.notify()
  end)
end

--- All that is kept; nil: nothing is.
--- @return string?
function Stream:text()
  if #self.parts > 1 then self.parts = { table.concat(self.parts) } end
  return self.parts[1]
end

local function leave(self, rest)
  self.parts = rest ~= '' and { rest } or {}
  self.size = #rest
  if self.is_full and self.size < self.room and not self.over then
    self.is_full = false
    self:keep(self.room)
  end
end

local function has_line(self) return self.lines and self.lines[self.next_line] end

-- Cutting one line off a text costs the text's length, so all are cut at once.
local function cut(self)
  local last, is_full = self.parts[#self.parts], self.size >= self.room
  if not (is_full or self.over or last:find('\n', 1, true)) then return end
  local text, lines, from = self:text(), {}, 1
  for line, after in text:gmatch '([^\n]*)\n()' do
    lines[#lines + 1], from = line, after
  end
  if not lines[1] then
    lines[1], from = text, #text + 1
  end
  self.lines, self.next_line = lines, 1
  leave(self, text:sub(from))
end

--- Takes all that is there.
--- @return string?
function Stream:take()
  if has_line(self) then
    local text = table.concat(self.lines, '\n', self.next_line) .. '\n'
    self.lines = nil
    return text
  end
  local text = self:text()
  if text then leave(self, '') end
  return text
end

--- Takes a line, without its end.
--- @return string?
function Stream:take_line()
  if not has_line(self) and self.size > 0 then cut(self) end
  local line = has_line(self)
  if line then self.next_line = self.next_line + 1 end
  return line
end

--- Why there is no more: 'closed' or a fault; nil: there may be.
--- @return string|std.Err|nil
function Stream:ending()
  if not self.over or self.size > 0 then return nil end
  if self.over == 'closed' then return 'closed' end
  return err.new(self.over, 'it cannot be read from')
end

return M
