package com.example.shop.dubbo;

import java.util.concurrent.CountDownLatch;
import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.ProtocolConfig;
import org.apache.dubbo.config.ReferenceConfig;
import org.apache.dubbo.config.RegistryConfig;
import org.apache.dubbo.config.ServiceConfig;
import org.apache.dubbo.config.bootstrap.DubboBootstrap;

/** Dubbo without a registry: a service is exported on a local port, and called at the sidecar's address. */
final class Rpc {
    private static final int TIMEOUT_MILLIS = 30_000;

    /**
     * 127.0.0.1 as one number, which Dubbo does not recognize. It takes 127.* and localhost to mean "this machine": a client
     * then connects to the address of a network card instead, and a server listens on all of them.
     */
    private static final String LOOPBACK = "2130706433";

    private Rpc() {}

    /** Names the application, and turns off all that would listen, register or write files beside the calls. */
    private static void configure(String name) {
        System.setProperty("dubbo.application.register-mode", "interface");
        System.setProperty("dubbo.application.enable-file-cache", "false");
        ApplicationConfig application = new ApplicationConfig(name);
        application.setQosEnable(false);
        DubboBootstrap.getInstance().application(application).registry(new RegistryConfig(RegistryConfig.NO_AVAILABLE));
    }

    /** Exports a service on 127.0.0.1, says {@code ready PORT}, and never returns. */
    static <T> void export(String application, Class<T> type, T implementation, int port) throws InterruptedException {
        configure(application);
        ProtocolConfig protocol = new ProtocolConfig("dubbo", port);
        protocol.setHost(LOOPBACK);
        ServiceConfig<T> service = new ServiceConfig<>();
        service.setInterface(type);
        service.setRef(implementation);
        service.setProtocol(protocol);
        service.export();
        System.out.println("ready " + port);
        new CountDownLatch(1).await();
    }

    /** Where services are called: PORT of the sidecar. */
    static final class Sidecar {
        private final String url;

        Sidecar(String application, int port) {
            configure(application);
            url = "dubbo://" + LOOPBACK + ":" + port;
        }

        <T> T refer(Class<T> type) {
            ReferenceConfig<T> reference = new ReferenceConfig<>();
            reference.setInterface(type);
            reference.setUrl(url);
            reference.setTimeout(TIMEOUT_MILLIS);
            reference.setRetries(0); // that is weir's part
            reference.setCheck(false);
            return reference.get();
        }
    }
}
