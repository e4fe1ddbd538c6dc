package com.example.peer;

import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;

/**
 * A relay between this client and the address under test that notes the header of every frame.
 *
 * <p>Some promises show on the wire only: which serialization was used, that a one-way call got no answer, that
 * heartbeats were answered, that all of it happened on one connection. Frames pass unchanged.
 */
final class WireTap implements AutoCloseable {
    private final String host;
    private final int port;
    private final ServerSocket listener;
    private final AtomicInteger connections = new AtomicInteger();
    private final List<Frame> frames = new CopyOnWriteArrayList<>();
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();

    WireTap(String address) throws IOException {
        int colon = address.lastIndexOf(':');
        host = address.substring(0, colon);
        port = Integer.parseInt(address.substring(colon + 1));
        listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        start(this::acceptAll);
    }

    /** Where to connect to instead. */
    String address() {
        return "127.0.0.1:" + listener.getLocalPort();
    }

    int connections() {
        return connections.get();
    }

    /** The frames so far, in the order of their ends. */
    List<Frame> frames(Predicate<Frame> which) {
        return frames.stream().filter(which).toList();
    }

    @Override
    public void close() throws IOException {
        listener.close();
        for (Socket socket : sockets) {
            socket.close();
        }
    }

    private void acceptAll() throws IOException {
        while (true) {
            Socket client = listener.accept();
            sockets.add(client);
            start(() -> connect(client, connections.incrementAndGet()));
        }
    }

    private void connect(Socket client, int connection) throws IOException {
        Socket server;
        try {
            server = new Socket(host, port);
        } catch (IOException e) {
            client.close();
            throw e;
        }
        sockets.add(server);
        start(() -> relay(client, server, connection, true));
        start(() -> relay(server, client, connection, false));
    }

    private void relay(Socket from, Socket to, int connection, boolean fromClient) throws IOException {
        try (from; to) {
            DataInputStream in = new DataInputStream(from.getInputStream());
            OutputStream out = to.getOutputStream();
            while (true) {
                relayFrame(in, out, connection, fromClient);
            }
        }
    }

    private void relayFrame(DataInputStream in, OutputStream out, int connection, boolean fromClient) throws IOException {
        byte[] header = new byte[Frame.HEADER_LENGTH];
        in.readFully(header);
        Frame frame = Frame.parse(connection, fromClient, header);
        byte[] whole = Arrays.copyOf(header, header.length + frame.length());
        in.readFully(whole, header.length, frame.length());
        frames.add(frame); // first, so that who has seen the answer finds it here
        out.write(whole);
    }

    private interface Work {
        void run() throws IOException;
    }

    private static void start(Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (EOFException | SocketException e) {
                // How a relay ends. What is missing then, the check sees.
            } catch (IOException e) {
                System.err.println("wire tap: " + e.getMessage());
            }
        }, "wire-tap");
        thread.setDaemon(true);
        thread.start();
    }
}
