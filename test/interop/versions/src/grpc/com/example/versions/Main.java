package com.example.versions;

import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ServerCalls;
import java.net.InetSocketAddress;

/**
 * The load of tools/peers/grpcload, with the same messages, and gRPC in Java's defaults: server PORT | client HOST:PORT MODE RATE SECONDS SIZE
 */
public class Main {
    public static void main(String[] args) throws Exception {
        if (args[0].equals("server")) {
            serve(Integer.parseInt(args[1]));
            return;
        }
        int[] n = new int[3];
        for (int i = 0; i < n.length; i++) {
            n[i] = Integer.parseInt(args[3 + i]);
        }
        System.exit(new Client(args[1], args[2], n[0], n[1], n[2]).run() ? 0 : 1);
    }

    private static void serve(int port) throws Exception {
        Server server = NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", port))
                .addService(ServerServiceDefinition.builder("weir.Load")
                        .addMethod(Order.METHOD, ServerCalls.asyncBidiStreamingCall(Answer::of))
                        .build())
                .maxInboundMessageSize(Order.LARGEST)
                .build()
                .start();
        System.out.println("ready " + port);
        server.awaitTermination();
    }
}
