import CLinux
import Glibc

/// Threads of the operating system.
public enum Thread {
    private final class Body {
        let name: String
        let run: @Sendable () -> Void
        init(_ name: String, _ run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// Starts a detached thread.
    /// - Parameters:
    ///   - name: at most 15 bytes, for tools that list threads.
    ///   - stackByteCount: of its stack.
    /// - Returns: false when the system has no thread to give.
    public static func detach(
        name: String, stackByteCount: Int = 512 << 10, _ run: @escaping @Sendable () -> Void
    ) -> Bool {
        var thread = pthread_t()
        var attributes = pthread_attr_t()
        // SAFETY: `attributes` is initialised before use and destroyed after; the box is retained for the thread, which
        // takes it over, or released here when there is no thread.
        unsafe pthread_attr_init(&attributes)
        defer { unsafe pthread_attr_destroy(&attributes) }
        unsafe pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
        unsafe pthread_attr_setstacksize(&attributes, stackByteCount)
        let box = unsafe Unmanaged.passRetained(Body(name, run))
        let result = unsafe pthread_create(&thread, &attributes, threadMain, box.toOpaque())
        if result != 0 { unsafe box.release() }
        return result == 0
    }

    /// The calling thread begins a request, or other work for clients. Debug builds see to it that file operations say
    /// anew whom they act as.
    @inline(__always)
    public static func beginWork() {
        #if DEBUG
            apus_begin_work()
        #endif
    }

    /// The number of the processor that this runs on now, for counters kept apart so that processors do not wait for
    /// each other. No system call: the kernel keeps it in the thread's memory.
    public static var processor: Int { max(0, Int(apus_processor())) }

    /// At file scope: a closure written inside a method of a main-actor type would be bound to the main actor and trap.
    private static let threadMain: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { box in
        // SAFETY: `detach` passed a retained `Body`.
        guard let box = unsafe box else { return nil }
        let body = unsafe Unmanaged<Body>.fromOpaque(box).takeRetainedValue()
        unsafe linux_set_thread_name(body.name)
        body.run()
        return nil
    }
}
