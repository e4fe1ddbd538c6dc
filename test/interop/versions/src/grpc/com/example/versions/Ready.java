package com.example.versions;

import io.grpc.stub.CallStreamObserver;

/** Sends messages from a thread of its own, no faster than they leave. */
class Ready {
    private final CallStreamObserver<byte[]> to;
    private boolean over;

    Ready(CallStreamObserver<byte[]> to) {
        this.to = to;
        to.setOnReadyHandler(this::wake);
    }

    private synchronized void wake() {
        notifyAll();
    }

    synchronized void end() {
        over = true;
        notifyAll();
    }

    /** Sends a message when there is room for it. It returns false if the call is over. */
    boolean send(byte[] message) throws InterruptedException {
        synchronized (this) {
            while (!over && !to.isReady()) {
                wait();
            }
            if (over) {
                return false;
            }
        }
        to.onNext(message);
        return true;
    }
}
