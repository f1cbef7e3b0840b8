-- Makes the requests that wrk sends. Arguments: the request, in which {number} stands for the number of a secret; the n-th
-- number as an expression; how many to repeat, or 0; how many to send, or 0; and a seed.
local ffi = require("ffi")
ffi.cdef("int getpid(void); int kill(int pid, int signal);")

function init(args)
	local repeated, last, seed = tonumber(args[3]), tonumber(args[4]), tonumber(args[5])
	local head, tail = args[1]:match("^(.*){number}(.*)$")
	local number = loadstring("local n, bad, unsent = ... return " .. args[2])
	local bad, n, all = 2 ^ 40, 0, {}
	local unsent = bad + seed % 2 ^ 20 * 2 ^ 20
	local function nth(n) return head and head .. string.format("%016x", number(n, bad, unsent)) .. tail or args[1] end
	math.randomseed(seed)
	for i = 1, repeated do all[i] = nth(i) end
	if repeated == 1 then
		wrk.format = function() return all[1] end -- which wrk sends without calling the script again
		return
	end
	request = function()
		n = n + 1
		-- SIGINT ends wrk. Each of 32 connections waits for one answer, so after 64 more all numbers have been answered.
		if last > 0 and n == last + 64 then ffi.C.kill(ffi.C.getpid(), 2) end
		return all[n % repeated + 1] or nth(n)
	end
end

function done(summary, latency)
	local e = summary.errors
	io.write(string.format("measured %d %d %d %d %d %d %d\n", summary.requests, summary.duration, summary.bytes, e.status,
		e.connect + e.read + e.write + e.timeout, latency:percentile(50), latency:percentile(99)))
end
