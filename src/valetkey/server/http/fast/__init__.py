"""The fast path: a connection answers most requests of programs without a task and without ASGI.

`protocol.protocol_of` has its only switch. Every other request takes uvicorn's ordinary path; both
end in `front.respond`. Code on the fast path runs in no task: see CONTRIBUTING, "The fast path".
"""
