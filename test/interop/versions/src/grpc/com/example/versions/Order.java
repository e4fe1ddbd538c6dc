package com.example.versions;

import io.grpc.MethodDescriptor;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;

/** What a client asks of the server in its first message. */
record Order(char mode, int rate, int seconds, int size) {
    /** The most bytes of a message. gRPC's own default is 4 MiB. */
    static final int LARGEST = 16 << 20;

    /** The one method, whose messages are bytes. */
    static final MethodDescriptor<byte[], byte[]> METHOD = MethodDescriptor.<byte[], byte[]>newBuilder()
            .setType(MethodDescriptor.MethodType.BIDI_STREAMING)
            .setFullMethodName("weir.Load/Run")
            .setRequestMarshaller(new Raw())
            .setResponseMarshaller(new Raw())
            .build();

    byte[] message() {
        return ByteBuffer.allocate(13).put((byte) mode).putInt(rate).putInt(seconds).putInt(size).array();
    }

    static Order parse(byte[] message) {
        ByteBuffer b = ByteBuffer.wrap(message);
        return new Order((char) b.get(), b.getInt(), b.getInt(), b.getInt());
    }

    /** Something that is done again and again, until it returns false. */
    interface Step {
        boolean run() throws InterruptedException;
    }

    /** Does something at the rate ordered, or as fast as it goes, for as long as ordered. */
    void paced(Step step) throws InterruptedException {
        long begin = System.nanoTime();
        long end = begin + seconds * 1_000_000_000L;
        for (long done = 0; System.nanoTime() < end; done++) {
            while (rate > 0 && done >= (System.nanoTime() - begin) / 1e9 * rate) {
                Thread.sleep(1);
            }
            if (!step.run()) {
                return;
            }
        }
    }

    /** Has messages be what they are. */
    private static class Raw implements MethodDescriptor.Marshaller<byte[]> {
        @Override
        public InputStream stream(byte[] message) {
            return new ByteArrayInputStream(message);
        }

        @Override
        public byte[] parse(InputStream stream) {
            try {
                return stream.readAllBytes();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
