package com.example.peer;

import java.net.ProtocolException;
import java.nio.ByteBuffer;

/** The header of a frame that passed a {@link WireTap}. */
record Frame(int connection, boolean fromClient, int flag, int status, long id, int length) {
    static final int HEADER_LENGTH = 16;

    private static final short MAGIC = (short) 0xdabb;

    static Frame parse(int connection, boolean fromClient, byte[] header) throws ProtocolException {
        ByteBuffer bytes = ByteBuffer.wrap(header);
        short magic = bytes.getShort();
        if (magic != MAGIC) {
            throw new ProtocolException("not a dubbo frame: it starts with " + Integer.toHexString(magic & 0xffff));
        }
        return new Frame(connection, fromClient, bytes.get() & 0xff, bytes.get() & 0xff, bytes.getLong(), bytes.getInt());
    }

    boolean isRequest() {
        return (flag & 0x80) != 0;
    }

    boolean isTwoWay() {
        return (flag & 0x40) != 0;
    }

    boolean isEvent() {
        return (flag & 0x20) != 0;
    }

    int serialization() {
        return flag & 0x1f;
    }

    /** Whether this is the response to that request. */
    boolean answers(Frame request) {
        return !isRequest() && fromClient != request.fromClient && connection == request.connection && id == request.id;
    }
}
