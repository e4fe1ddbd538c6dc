package com.example.shop.sofarpc;

import com.alipay.sofa.rpc.config.ApplicationConfig;
import com.alipay.sofa.rpc.config.ConsumerConfig;
import com.alipay.sofa.rpc.config.ProviderConfig;
import com.alipay.sofa.rpc.config.ServerConfig;

/** SOFARPC without a registry: a service is exported on a local port, and called at the sidecar's address. */
final class Rpc {
    private static final int TIMEOUT_MILLIS = 30_000;

    private Rpc() {
    }

    /** Exports a service on 127.0.0.1 and says {@code ready PORT}. */
    static <T> void export(Class<T> service, T implementation, int port) {
        ServerConfig server = new ServerConfig()
            .setProtocol("bolt")
            .setHost("127.0.0.1")
            .setPort(port)
            .setDaemon(false)
            .setStopTimeout(1000);
        new ProviderConfig<T>()
            .setApplication(new ApplicationConfig().setAppName("shop"))
            .setInterfaceId(service.getName())
            .setRef(implementation)
            .setServer(server)
            .setRegister(false)
            .export();
        System.out.println("ready " + port);
    }

    static <T> T refer(Class<T> service, String sidecar) {
        return new ConsumerConfig<T>()
            .setApplication(new ApplicationConfig().setAppName("shop"))
            .setInterfaceId(service.getName())
            .setDirectUrl("bolt://" + sidecar)
            .setRegister(false)
            .setTimeout(TIMEOUT_MILLIS)
            .setConnectTimeout(TIMEOUT_MILLIS)
            // Connects with the first call: a sidecar starts after the service beside it, which it announces.
            .setLazy(true)
            .refer();
    }
}
